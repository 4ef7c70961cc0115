import { describeContract } from './contract';
import { pairs, sharedSchema } from './hosts';

for (const host of [...pairs, sharedSchema]) describeContract(host);
