import { describeContract } from './contract';
import { countOnly, sumOnly } from './hosts';

for (const host of [countOnly, sumOnly]) describeContract(host);
