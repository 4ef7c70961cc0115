-- campaign_refusal(): why no code of the campaign g can be redeemed at this moment, or NULL.
CASE WHEN NOT g.is_active OR g.start_date > now() OR g.end_date < now() THEN 'campaign_inactive' END
