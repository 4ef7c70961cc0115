import { describeContract } from './contract';
import { mixedCase, renamed } from './hosts';

for (const host of [renamed, mixedCase]) describeContract(host);
