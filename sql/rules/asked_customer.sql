-- asked_customer(customer): the customer of a request, as it is compared.
:folded(:collated_customer($customer))
