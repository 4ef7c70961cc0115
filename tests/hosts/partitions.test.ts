import { describeContract } from './contract';
import { hashPartitions, rangePartitions } from './hosts';

for (const host of [hashPartitions, rangePartitions]) describeContract(host);
