import { describeContract } from './contract';
import { exactCustomers } from './hosts';

describeContract(exactCustomers);
