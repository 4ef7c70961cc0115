-- record_gone_uses(uses): records rows named o that were deleted, as far as they counted.
:history_columns()
SELECT CASE WHEN mark.released_as IS NULL THEN 'rolled_back' ELSE 'released' END,
       :history_state(o), NULL, NULL, NULL, :history_values(o, mark.released_as)
  FROM $uses
  LEFT JOIN LATERAL (SELECT :released_as(o) AS released_as) AS mark ON true
 WHERE :counts(o)
