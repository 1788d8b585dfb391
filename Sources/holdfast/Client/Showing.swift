import ArgumentParser
import Foundation
import Primitives

/// A command that lists things: where they are, and what of each is shown.
protocol ListCommand: ClientCommand where Options == ListOptions {
    static var path: String { get }
    static var columns: [Column] { get }
    /// What to say if there are none.
    static var empty: String { get }
    /// Query parameters; nil leaves one out.
    var filters: [(String, String?)] { get }
}

extension ListCommand {
    var filters: [(String, String?)] { [] }

    func run(_ api: APIClient) async throws {
        try await api.show(list: Self.path, Self.columns, filters: filters, empty: Self.empty, options)
    }
}

extension APIClient {
    /// Prints a list as a table, or the API's document.
    func show(list path: String, _ columns: [Column], filters: [(String, String?)] = [], empty: String, _ options: ListOptions) async throws {
        try await show(
            list: path, columns, filters: filters + [("sort", options.sort)], empty: empty, limit: options.all ? nil : options.limit)
    }

    /// The same with at most `limit` things.
    func show(list path: String, _ columns: [Column], filters: [(String, String?)] = [], empty: String, limit: Int?) async throws {
        if limit == nil { return try await showAll(path, columns, filters, empty) }
        let document = try await list(path, query: filters, limit: limit)
        guard !asJSON else { return print(String(decoding: document.json, as: UTF8.self)) }
        let items = document["items"]?.array ?? []
        var table = Table(columns.map(\.heading))
        for item in items { table.add(columns.map { $0.cell(item) }) }
        table.print(whenEmpty: empty)
        if document["next_cursor"]?.string != nil {
            Note.print("\(items.count) of \(document["total"]?.integer ?? 0) are shown; --all shows all, --limit N more.")
        }
    }

    /// Prints a list page by page, however long it is: as one document, or a table whose columns are as wide as its first page wants.
    private func showAll(_ path: String, _ columns: [Column], _ filters: [(String, String?)], _ empty: String) async throws {
        if asJSON { print("{\"items\":[", terminator: "") }
        var (count, widths): (Int64, [Int]?) = (0, nil)
        let total = try await pages(path, query: filters) { items in
            if asJSON {
                for item in items {
                    print((count == 0 ? "" : ",") + String(decoding: item.json, as: UTF8.self), terminator: "")
                    count += 1
                }
            } else {
                var table = Table(columns.map(\.heading))
                for item in items { table.add(columns.map { $0.cell(item) }) }
                widths = table.print(whenEmpty: empty, continuing: widths)
            }
        }
        if asJSON { print("],\"total\":\(total),\"next_cursor\":null}") }
    }

    /// Prints the things in an answer that isn't paged: as a table, or the API's document.
    func show(table columns: [Column], of reply: APIReply, _ member: String = "items", empty: String) {
        guard !asJSON, let items = reply.document[member]?.array else { return show(reply) }
        var table = Table(columns.map(\.heading))
        for item in items { table.add(columns.map { $0.cell(item) }) }
        table.print(whenEmpty: empty)
    }

    /// Prints one thing: the API's document, or its members line by line.
    func show(_ reply: APIReply) {
        if asJSON {
            guard !reply.body.isEmpty else { return }
            return print(String(decoding: reply.body, as: UTF8.self))
        }
        guard reply.document != .null else { return }
        print(Details.text(reply.document))
    }

    /// Prints the API's document for programs, without the secret that went into a file.
    func showWithout(_ secret: String, _ reply: APIReply) {
        guard asJSON, let members = reply.document.object else { return }
        print(String(decoding: JSONValue.object(members.filter { $0.name != secret }).json, as: UTF8.self))
    }

    /// Prints what a change has brought about: the API's document, or a sentence.
    func tell(_ reply: APIReply, _ sentence: @autoclosure () -> String, dryRun: Bool = false) {
        if asJSON { return show(reply) }
        print((dryRun ? "Would be done, nothing was changed: " : "") + Cell.clean(sentence()))
    }
}

/// Sentences beside the output proper.
enum Note {
    static func print(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}
