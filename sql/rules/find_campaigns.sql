-- find_campaigns(codes): sets campaign_ids to the campaigns that codes are in, in their order; leaves it where no code may be in one.
IF :has_campaigns() THEN
  SELECT pg_catalog.array_agg(:campaign_of(q.id) ORDER BY q.place) INTO campaign_ids
    FROM pg_catalog.unnest($codes) WITH ORDINALITY AS q(id, place);
END IF
