-- What a shop has sold.

CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    day TEXT NOT NULL,
    cents INTEGER NOT NULL
);

-- The ten customers who have spent most, and how much.
SELECT customers.name, SUM(orders.cents) AS spent
FROM customers
JOIN orders -- TODO: ON
GROUP BY customers.id
ORDER BY spent DESC
LIMIT 10;
