-- has_rules(): whether c has a budget, a least reward or a customer of its own, which most codes do not.
(c.:"max_total_bonus" IS NOT NULL OR c.:"min_base_reward" IS NOT NULL OR c.:"code_customer_address" IS NOT NULL)
