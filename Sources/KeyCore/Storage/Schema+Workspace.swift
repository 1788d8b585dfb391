import Primitives

extension Schema {
    /// What Workspace client-side encryption remembers of keys: whose documents each has protected at which endpoint, also of endpoints that are
    /// gone. A key is never lent to another organisation (`EndpointRules.checkTenant`).
    static let workspace = SQLMigration(id: 10, name: "workspace", statements: [
        """
        CREATE TABLE kacls_key_domains (
            key_id TEXT NOT NULL, endpoint_id TEXT NOT NULL, domain TEXT NOT NULL, PRIMARY KEY (key_id, endpoint_id, domain)) {STRICT}
        """,
    ])
}
