#!/usr/bin/env bash
# ./migrate.sh schema | triggers | uninstall [options of `pg-promo-codes sql`]
set -euo pipefail
export PGCLIENTENCODING=UTF8 PGOPTIONS='-c client_min_messages=warning'
npx pg-promo-codes sql "$@" | psql "$DATABASE_URL" -X -q -v ON_ERROR_STOP=1 --single-transaction -f -
