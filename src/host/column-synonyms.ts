import type { CodeColumn, UseColumn } from './description.js';

/**
 * What hosts call their columns, beside the names of the roles: in lower case, without what separates words. The likeliest
 * first, and of two roles with the same word the one that takes it first.
 */
export const CODE_SYNONYMS: Record<Exclude<CodeColumn, 'id'>, string> = {
  code: 'promocode couponcode vouchercode discountcode coupon voucher token',
  shopId: 'storeid merchantid tenantid vendorid sellerid organizationid shop store merchant tenant vendor seller',
  name: 'title label',
  description: 'details notes note',
  bonusType: 'discounttype valuetype amounttype type kind',
  bonusValue: 'discountvalue discountamount discount value amount',
  maxBonus: 'maxdiscount maximumdiscount maxdiscountamount discountcap cap',
  startDate: 'startsat startat startson validfrom activefrom availablefrom starttime',
  endDate:
    'endsat endat endson expiresat expireson validuntil validto validtill expirydate expirationdate expiry endtime',
  perCustomerLimit:
    'peruserlimit limitpercustomer limitperuser usagelimitperuser usagelimitpercustomer maxusesperuser maxusespercustomer maxredemptionspercustomer maxredemptionsperuser customerlimit userlimit',
  totalUsageLimit: 'usagelimit maxuses maxusage maxusages maxredemptions redemptionlimit totallimit limit',
  maxTotalBonus: 'maxtotaldiscount totalbudget budget budgetlimit maxbudget',
  budgetOverrun: 'budgetmode',
  minBaseReward:
    'minorderamount minordervalue minimumorderamount minamount minimumamount minpurchase minsubtotal minorder',
  customerAddress: '',
  metadata: 'meta',
  timesUsed:
    'timesredeemed usedcount usagecount usecount usescount redemptioncount redemptionscount redeemedcount numuses totaluses totalredemptions uses usages redemptions used redeemed',
  totalBonusIssued:
    'totaldiscountissued totaldiscount discounttotal totaldiscountamount totaldiscounted totalbonus bonustotal totalissued issuedtotal amountredeemed totalredeemed totalsavings totalamount',
  isActive: 'active enabled isenabled',
  createdAt: 'created createdon insertedat dateadded',
  updatedAt: 'updated updatedon modifiedat lastmodified changedat',
};

/** As those of codes. The column of a foreign key to the codes is taken for `promoCodeId` in any case. */
export const USE_SYNONYMS: Record<Exclude<UseColumn, 'id'>, string> = {
  promoCodeId: 'promocode couponid voucherid discountcodeid discountid codeid promoid couponcodeid vouchercodeid',
  customerAddress:
    'customerid userid customeremail useremail buyerid memberid accountid clientid walletaddress email wallet address customer user buyer',
  shopId: CODE_SYNONYMS.shopId,
  transactionId: 'orderid paymentid invoiceid bookingid purchaseid checkoutid txid txhash reference orderref order',
  baseReward: 'orderamount ordertotal ordervalue subtotal baseamount originalamount grossamount',
  bonusAmount: 'discountamount discountapplied discountvalue amountoff discount bonus savings amount',
  totalReward: 'finalamount finaltotal totalamount netamount total',
  usedAt: 'redeemedat redeemedon appliedat usedon createdat insertedat timestamp date created',
};
