import { describeContract } from './contract';
import { exactCustomers } from './hosts';

for (const host of [exactCustomers]) describeContract(host);
