-- code_is(shop, code): whether c is the code of this name in this shop. The index on codes is on these expressions; with two
-- bounds for the name, its order can be asked for, so that where sorting is off (enable_sort) no planner prefers an index that
-- has the shop and not the name, whatever it knows of the table.
c.:"code_shop_id"::text = $shop AND upper(c.:"code"::text) >= :asked_code($code) AND upper(c.:"code"::text) <= :asked_code($code)
