import { describeContract } from './contract';
import { countOnly, sumOnly, withoutAmounts } from './hosts';

for (const host of [countOnly, withoutAmounts, sumOnly]) describeContract(host);
