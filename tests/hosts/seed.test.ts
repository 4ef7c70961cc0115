import { describeContract } from './contract';
import { own, seed } from './hosts';

for (const host of [seed, own]) describeContract(host);
