import { describeContract } from './contract';
import { softDeletes } from './hosts';

describeContract(softDeletes);
