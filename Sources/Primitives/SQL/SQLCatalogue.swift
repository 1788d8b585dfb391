/// What kind of value a column holds.
package enum SQLColumnType: Sendable, Equatable {
    case integer, real, text, blob
}

/// A column that refers to a row of another table.
package struct SQLReference: Sendable, Equatable {
    /// The columns here, in the order of `targets`.
    package let columns: [String]
    /// The other table.
    package let table: String
    /// The columns there.
    package let targets: [String]
}

/// A table as the database describes it: for work that is the same for every table (backups, resealing).
package struct SQLTable: Sendable, Equatable {
    package let name: String
    /// In the order of the table.
    package let columns: [(name: String, type: SQLColumnType)]
    /// The columns of its primary key, in the key's order; empty if it has none.
    package let primaryKey: [String]
    /// In the order of their first columns.
    package let references: [SQLReference]
    /// The sets of columns, besides the primary key, whose values occur once.
    package let uniques: [[String]]

    /// The names of its columns.
    package var columnNames: [String] { columns.map(\.name) }

    /// Equal descriptions.
    package static func == (a: SQLTable, b: SQLTable) -> Bool {
        a.name == b.name && a.primaryKey == b.primaryKey && a.references == b.references && a.uniques == b.uniques
            && a.columns.map(\.name) == b.columns.map(\.name) && a.columns.map(\.type) == b.columns.map(\.type)
    }
}

/// The tables that a database has.
package enum SQLCatalogue {
    /// All tables, each after those that it refers to.
    /// - Throws: `.misuse` for a table or column that isn't of the common dialect.
    package static func tables(in connection: borrowing SQLConnection) throws(SQLError) -> [SQLTable] {
        let names = try connection.query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
        var tables: [SQLTable] = []
        for row in names { tables.append(try table(try row.text("name"), connection)) }
        return parentsFirst(tables)
    }

    private static func table(_ name: String, _ connection: borrowing SQLConnection) throws(SQLError) -> SQLTable {
        try check(name)
        var columns: [(name: String, type: SQLColumnType)] = []
        var key: [(order: Int64, name: String)] = []
        for row in try connection.query("SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid", [.text(name)]) {
            let column = try row.text("name")
            try check(column)
            columns.append((column, try type(try row.text("type"))))
            if try row.integer("pk") > 0 { key.append((try row.integer("pk"), column)) }
        }
        return SQLTable(
            name: name, columns: columns, primaryKey: key.sorted { $0.order < $1.order }.map(\.name),
            references: try references(name, columns.map(\.name), connection), uniques: try uniques(name, connection))
    }

    private static func references(
        _ name: String, _ order: [String], _ connection: borrowing SQLConnection
    ) throws(SQLError) -> [SQLReference] {
        let rows = try connection.query(
            """
            SELECT id, "table" AS other, "from" AS here, COALESCE("to", 'id') AS there FROM pragma_foreign_key_list($1) ORDER BY id, seq
            """, [.text(name)])
        var found: [(id: Int64, reference: SQLReference)] = []
        for row in rows {
            let (id, here, there) = (try row.integer("id"), try row.text("here"), try row.text("there"))
            if let last = found.last, last.id == id {
                let reference = last.reference
                found[found.count - 1].reference = SQLReference(
                    columns: reference.columns + [here], table: reference.table, targets: reference.targets + [there])
            } else {
                found.append((id, SQLReference(columns: [here], table: try row.text("other"), targets: [there])))
            }
        }
        let place = { (reference: SQLReference) in order.firstIndex(of: reference.columns[0]) ?? order.count }
        return found.map(\.reference).sorted { place($0) < place($1) }
    }

    private static func uniques(_ name: String, _ connection: borrowing SQLConnection) throws(SQLError) -> [[String]] {
        let rows = try connection.query(
            """
            SELECT list.name AS number, info.name AS name FROM pragma_index_list($1) AS list, pragma_index_info(list.name) AS info
            WHERE list."unique" = 1 AND list.origin <> 'pk' ORDER BY list.seq, info.seqno
            """, [.text(name)])
        var (sets, last): ([[String]], String?) = ([], nil)
        for row in rows {
            guard let column = try row.optionalText("name") else { continue }
            let index = try row.text("number")
            if index == last { sets[sets.count - 1].append(column) } else { sets.append([column]) }
            last = index
        }
        return sets
    }

    private static func type(_ declared: String) throws(SQLError) -> SQLColumnType {
        switch declared.uppercased() {
        case "INTEGER", "INT", "BIGINT": return .integer
        case "REAL", "DOUBLE PRECISION": return .real
        case "TEXT": return .text
        case "BLOB", "BYTEA": return .blob
        default: throw .misuse("the column type \(declared) is not of the common dialect")
        }
    }

    /// Names become part of statements: nothing else than lower-case words may.
    private static func check(_ name: String) throws(SQLError) {
        let isPlain = !name.isEmpty && name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
        guard isPlain else { throw .misuse("the name “\(name)” is not of the common dialect") }
    }

    private static func parentsFirst(_ tables: [SQLTable]) -> [SQLTable] {
        var (rest, ordered, known) = (tables, [SQLTable](), Set<String>())
        while !rest.isEmpty {
            // A cycle is cut at its first table.
            let next = rest.firstIndex { table in table.references.allSatisfy { known.contains($0.table) || $0.table == table.name } } ?? 0
            known.insert(rest[next].name)
            ordered.append(rest.remove(at: next))
        }
        return ordered
    }
}
