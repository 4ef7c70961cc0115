-- has_campaigns(): whether a code may be in a campaign: the sequence of their ids is at 0 until the first is made. Where it says nothing (a
-- restore without data, no right to read it) the answer is yes. It is read outside of all snapshots, and as an expression it is no
-- statement of its own: to look for the campaign of a code takes an eighth of the time of an insert.
(pg_catalog.pg_sequence_last_value(:'campaign_ids'::regclass) IS DISTINCT FROM 0::bigint)
