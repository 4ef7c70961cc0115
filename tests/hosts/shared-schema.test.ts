import { describeContract } from './contract';
import { sharedSchema } from './hosts';

describeContract(sharedSchema);
