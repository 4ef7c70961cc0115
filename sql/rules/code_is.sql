-- code_is(shop, code): whether c is the code of this name in this shop. The index on codes is on these expressions.
c.shop_id::text = $shop AND upper(c.code::text) = :asked_code($code)
