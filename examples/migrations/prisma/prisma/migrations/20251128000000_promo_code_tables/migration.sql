-- CreateTable
CREATE TABLE "promo_codes" (
    "id" BIGSERIAL NOT NULL,
    "code" TEXT NOT NULL,
    "shop_id" TEXT NOT NULL,
    "name" TEXT,
    "description" TEXT,
    "bonus_type" TEXT NOT NULL DEFAULT 'fixed',
    "bonus_value" DECIMAL(18,2) NOT NULL,
    "max_bonus" DECIMAL(18,2),
    "start_date" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "end_date" TIMESTAMPTZ(6) NOT NULL,
    "total_usage_limit" INTEGER,
    "per_customer_limit" INTEGER DEFAULT 1,
    "times_used" INTEGER NOT NULL DEFAULT 0,
    "total_bonus_issued" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "is_active" BOOLEAN NOT NULL DEFAULT true,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "promo_codes_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "promo_code_uses" (
    "id" BIGSERIAL NOT NULL,
    "promo_code_id" BIGINT NOT NULL,
    "customer_address" TEXT NOT NULL,
    "shop_id" TEXT NOT NULL,
    "transaction_id" TEXT,
    "base_reward" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "bonus_amount" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "total_reward" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "used_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "promo_code_uses_pkey" PRIMARY KEY ("id")
);

-- AddForeignKey
ALTER TABLE "promo_code_uses" ADD CONSTRAINT "promo_code_uses_promo_code_id_fkey" FOREIGN KEY ("promo_code_id") REFERENCES "promo_codes"("id") ON DELETE CASCADE ON UPDATE CASCADE;
