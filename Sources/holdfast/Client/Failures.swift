import ArgumentParser
import Foundation
import Primitives

/// The program's exit statuses, beside 0. `holdfast --help` lists them.
enum ExitStatus {
    /// Refused, or failed.
    static let failure: Int32 = 1
    /// The command line is wrong.
    static let usage: Int32 = 2
    /// The server doesn't run, can't be reached, or can't serve at the moment.
    static let unavailable: Int32 = 69
    /// Accepted, but it waits for other people's approval.
    static let held: Int32 = 75
}

/// A failure that knows its exit status.
protocol StatusFailure: Error, CustomStringConvertible {
    var status: Int32 { get }
    /// What programs get on standard error instead of the description; nil for nothing special.
    var document: String? { get }
}

extension StatusFailure {
    var document: String? { nil }
}

/// The command line is wrong in a way that only its meaning shows.
struct UsageFailure: StatusFailure {
    let description: String
    var status: Int32 { ExitStatus.usage }
    init(_ description: String) { self.description = description }
}

/// There is no server to ask.
struct Unavailable: StatusFailure {
    let description: String
    var status: Int32 { ExitStatus.unavailable }
    init(_ description: String) { self.description = description }
}

/// The server said no: a problem document (RFC 9457) in words.
struct APIProblem: StatusFailure {
    let httpStatus: Int
    let code: String
    let detail: String
    let remedy: String?
    /// Each as `field: expected …, found …`.
    let faults: [String]
    let requestID: String?
    let document: String?

    /// Reads an answer that isn't a success.
    /// - Parameter remedy: better advice than the server's.
    init(_ answer: APIReply, asJSON: Bool, remedy: String? = nil) {
        let problem = answer.document
        httpStatus = answer.status
        code = problem["code"]?.string ?? "-"
        detail = problem["detail"]?.string ?? "the server answered \(answer.status) without saying why"
        self.remedy = remedy ?? problem["remedy"]?.string
        faults = (problem["errors"]?.array ?? []).map { fault in
            let field = fault["field"]?.string ?? "-"
            return "\(field): expected \(fault["expected"]?.string ?? "-")\(fault["found"]?.string.map { ", found \($0)" } ?? "")"
        }
        requestID = problem["request_id"]?.string ?? answer.requestID
        document = asJSON && problem["code"] != nil ? String(decoding: answer.body, as: UTF8.self) : nil
    }

    var status: Int32 { httpStatus == 503 ? ExitStatus.unavailable : ExitStatus.failure }

    var description: String {
        var lines = [detail]
        lines += faults.filter { $0 != detail }.map { "  \($0)" }
        if let remedy { lines.append("  What to do: \(remedy)") }
        if let requestID { lines.append("  Request: \(requestID)") }
        return lines.map(Cell.clean).joined(separator: "\n")
    }
}

extension Holdfast {
    /// Runs the command; ends the process with a status that tells what went wrong.
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
            ProcessHardening.end(0)
        } catch let failure as any StatusFailure {
            complain(failure.document ?? "Error: \(failure)")
            ProcessHardening.end(failure.status)
        } catch where exitCode(for: error) == .validationFailure {
            complain(fullMessage(for: error))
            ProcessHardening.end(ExitStatus.usage)
        } catch {
            let (status, text) = (exitCode(for: error), fullMessage(for: error))
            if !text.isEmpty { status == .success ? print(text) : complain(text) }
            ProcessHardening.end(status.rawValue)
        }
    }

    private static func complain(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}
