import ArgumentParser
import Foundation
import Primitives

/// Where a secret comes from: never from the command line, which everybody on the machine can see.
struct SecretInput {
    /// For people, as “passphrase”.
    let what: String
    /// The option that names a file; `-` is a line of standard input.
    let file: String?
    /// The option's name, for messages.
    let option: String
    /// The environment variable that may hold it.
    let variable: String
    /// The longest that is read from a file.
    var maxBytes = 4096

    /// The secret: from the file, or the variable, or a person at the terminal.
    /// - Parameter isNew: whether a person must type it twice.
    func read(isNew: Bool = false) throws -> String {
        let secret = try find(isNew: isNew)
        guard secret.utf8.count > 0 else { throw UsageFailure("the \(what) is empty") }
        return secret
    }

    private func find(isNew: Bool) throws -> String {
        if let file {
            return try SecretInput.text(file == "-"
                ? Terminal.readSecretFromStandardInput(maxBytes: maxBytes) : PrivateFile.read(file, maxBytes: maxBytes).withoutTrailingNewline(), what)
        }
        if let value = ProcessInfo.processInfo.environment[variable], !value.isEmpty { return value }
        guard Terminal.isPresent else {
            throw UsageFailure("expected the \(what): there is no terminal to ask at; give \(option) FILE (- for standard input) or set \(variable)")
        }
        let first = try SecretInput.text(Terminal.readSecret(prompt: "\(what.prefix(1).uppercased() + what.dropFirst()): ", maxBytes: 4096), what)
        guard isNew else { return first }
        guard first == (try SecretInput.text(Terminal.readSecret(prompt: "The same again: ", maxBytes: 4096), what)) else {
            throw UsageFailure("that was not the same twice")
        }
        return first
    }

    /// On the way into a JSON document a secret has to be text.
    private static func text(_ secret: consuming SecretBytes, _ what: String) throws -> String {
        var bytes = secret.exposedCopy()
        defer { bytes.wipe() }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw UsageFailure("the \(what) is not valid UTF-8") }
        return text
    }
}

/// A file that the command line names, whole.
enum InputFile {
    /// Its bytes; `-` is standard input.
    static func read(_ path: String, maxBytes: Int = 64 << 20) throws -> [UInt8] {
        if path == "-" { return try standardInput(maxBytes) }
        guard let content = FileManager.default.contents(atPath: path) else { throw UsageFailure("\(path): expected a file that can be read") }
        guard content.count <= maxBytes else { throw UsageFailure("\(path): expected at most \(maxBytes) bytes, found \(content.count)") }
        return Array(content)
    }

    /// Nothing of it is cut off: more than is expected is refused.
    private static func standardInput(_ maxBytes: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count <= maxBytes, let piece = try FileHandle.standardInput.read(upToCount: maxBytes + 1 - bytes.count), !piece.isEmpty {
            bytes += piece
        }
        guard bytes.count <= maxBytes else { throw UsageFailure("standard input: expected at most \(maxBytes) bytes, found more") }
        return bytes
    }

    /// Its text.
    static func text(_ path: String, maxBytes: Int = 1 << 20) throws -> String {
        guard let text = String(validating: try read(path, maxBytes: maxBytes), as: UTF8.self) else {
            throw UsageFailure("\(path): expected text in UTF-8")
        }
        return text
    }
}

/// What a command writes: to a file for its owner only, or to standard output.
enum OutputFile {
    /// Writes bytes and says how many; without a path they go to standard output.
    static func write(_ bytes: [UInt8], to path: String?, what: String, asJSON: Bool = false) throws {
        guard let path, path != "-" else { return FileHandle.standardOutput.write(Data(bytes)) }
        do { try AtomicFile.replace(path, with: bytes) } catch { throw Complaint("\(path) can't be written: \(error)") }
        tell("\(path): \(bytes.count) bytes, \(what)", asJSON: asJSON)
    }

    /// A sentence: where standard output is for programs, beside it.
    static func tell(_ sentence: String, asJSON: Bool) {
        if asJSON { Note.print(sentence) } else { print(sentence) }
    }
}
