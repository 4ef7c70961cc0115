import { describeContract } from './contract';
import { enumStatus, reservedAlone, textStatus } from './hosts';

for (const host of [enumStatus, textStatus, reservedAlone]) describeContract(host);
