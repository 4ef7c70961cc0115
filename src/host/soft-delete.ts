/** Names of columns by which hosts keep rows that are not to count. */
export const SOFT_DELETE =
  /^(?:is_?)?(?:deleted|voided|void|cancell?ed|rolled_?back|reverted|reversed|refunded|removed|revoked)(?:_?(?:at|on|date|time))?$|^(?:status|state)$/i;
