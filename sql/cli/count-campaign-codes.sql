-- How many codes are in a campaign ($1).
SELECT count(*)::text AS codes FROM :"library".promo_code_campaign_codes AS k WHERE k.campaign_id = $1::bigint
