import { describeContract } from './contract';
import { withoutAmounts } from './hosts';

describeContract(withoutAmounts);
