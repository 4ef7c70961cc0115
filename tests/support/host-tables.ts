/**
 * The tables of the application that the seed was written for: int4 ids, nullable counters, timestamps without time zone.
 * `:"schema"` is filled in by `sql()` of `useSchema`.
 */
export const SEED_TABLES = `
  CREATE TABLE :"schema".promo_codes (
    id                 serial PRIMARY KEY,
    code               varchar(20) NOT NULL,
    shop_id            varchar(100) NOT NULL,
    name               varchar(100),
    description        text,
    bonus_type         varchar(20) NOT NULL DEFAULT 'fixed',
    bonus_value        numeric(10,2) NOT NULL DEFAULT 5,
    max_bonus          numeric(10,2),
    start_date         timestamp NOT NULL DEFAULT now(),
    end_date           timestamp NOT NULL DEFAULT now() + interval '30 days',
    total_usage_limit  integer,
    per_customer_limit integer DEFAULT 1,
    times_used         integer DEFAULT 0,
    total_bonus_issued numeric(18,2) DEFAULT 0,
    is_active          boolean DEFAULT true,
    created_at         timestamp DEFAULT CURRENT_TIMESTAMP,
    updated_at         timestamp DEFAULT CURRENT_TIMESTAMP
  );
  CREATE TABLE :"schema".promo_code_uses (
    id               serial PRIMARY KEY,
    promo_code_id    integer NOT NULL REFERENCES :"schema".promo_codes (id) ON DELETE CASCADE,
    customer_address varchar(42) NOT NULL,
    shop_id          varchar(100) NOT NULL,
    transaction_id   varchar(100),
    base_reward      numeric(18,2) NOT NULL,
    bonus_amount     numeric(18,2),
    total_reward     numeric(18,2) NOT NULL,
    used_at          timestamp DEFAULT CURRENT_TIMESTAMP
  );
  CREATE INDEX ON :"schema".promo_code_uses (promo_code_id);
  CREATE INDEX ON :"schema".promo_code_uses (customer_address);
`;

/** The triggers of the seed's own migration, word for word but for the schema. */
export const SEED_TRIGGERS = `
  CREATE OR REPLACE FUNCTION :"schema".update_promo_code_stats_on_insert()
  RETURNS TRIGGER AS $$
  BEGIN
    UPDATE :"schema".promo_codes
    SET times_used = times_used + 1,
        total_bonus_issued = total_bonus_issued + COALESCE(NEW.bonus_amount, 0),
        updated_at = CURRENT_TIMESTAMP
    WHERE id = NEW.promo_code_id;
    RETURN NEW;
  END;
  $$ LANGUAGE plpgsql;

  CREATE TRIGGER promo_code_uses_insert_trigger
  AFTER INSERT ON :"schema".promo_code_uses
  FOR EACH ROW
  EXECUTE FUNCTION :"schema".update_promo_code_stats_on_insert();

  CREATE OR REPLACE FUNCTION :"schema".update_promo_code_stats_on_delete()
  RETURNS TRIGGER AS $$
  BEGIN
    UPDATE :"schema".promo_codes
    SET times_used = GREATEST(0, times_used - 1),
        total_bonus_issued = GREATEST(0, total_bonus_issued - COALESCE(OLD.bonus_amount, 0)),
        updated_at = CURRENT_TIMESTAMP
    WHERE id = OLD.promo_code_id;
    RETURN OLD;
  END;
  $$ LANGUAGE plpgsql;

  CREATE TRIGGER promo_code_uses_delete_trigger
  AFTER DELETE ON :"schema".promo_code_uses
  FOR EACH ROW
  EXECUTE FUNCTION :"schema".update_promo_code_stats_on_delete();
`;

/** An insert of uses of the codes given, each with a bonus of 5.00 and another customer. */
export function insertUses(...codes: number[]): string {
  const rows = codes.map((code, index) => `(${code}, 'customer-${index}', 'shop', 10, 5, 15)`);
  return `INSERT INTO :"schema".promo_code_uses
            (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
          VALUES ${rows.join(', ')}`;
}
