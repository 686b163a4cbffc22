//! What the engine may ask of the database: due work with leases, what servers should hold, what
//! was seen there. It sees all tenants, and is never handed to a request.
