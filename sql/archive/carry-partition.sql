-- Carries forward what a partition holds, of codes that there are. Nobody else can write it.
:carry_totals((SELECT p.* FROM :"part_schema".:"part" AS p
                WHERE EXISTS (SELECT FROM :"codes" AS c WHERE c.:"code_id" = p.:"promo_code_id")) AS o);
