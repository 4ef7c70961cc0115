import { describeContract } from './contract';
import { pairs } from './hosts';

for (const host of pairs) describeContract(host);
