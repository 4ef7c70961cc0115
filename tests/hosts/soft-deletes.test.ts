import { describeContract } from './contract';
import { enumStatus, softDeletes, textStatus } from './hosts';

for (const host of [softDeletes, enumStatus, textStatus]) describeContract(host);
