import { describeContract } from './contract';
import { neededColumns, textIds } from './hosts';

for (const host of [textIds, neededColumns]) describeContract(host);
