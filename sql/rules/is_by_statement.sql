-- is_by_statement(use): whether a statement trigger counts a row of its transition tables, and no row trigger does.
(by_row IS NULL OR NOT :"library".promo_code_use_is_counted_by_row(pg_catalog.to_jsonb($use), by_row))
