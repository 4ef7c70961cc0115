import { describeContract } from './contract';
import { enumStatus, textStatus } from './hosts';

for (const host of [enumStatus, textStatus]) describeContract(host);
