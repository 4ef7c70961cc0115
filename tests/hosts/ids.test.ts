import { describeContract } from './contract';
import { characterIds, domainIds, neededColumns, textIds } from './hosts';

for (const host of [textIds, characterIds, domainIds, neededColumns]) describeContract(host);
