import Foundation
import Primitives

/// Runs `certs/make-development-certificates.sh`, which makes a development CA and a server certificate with OpenSSL.
enum DevelopmentCertificates {
    static func make(in folder: String, hostnames: [String]) throws {
        let script = try SharedFiles.find("certs/make-development-certificates.sh")
        let outcome = try ChildProcess.run("/bin/sh", [script, folder] + hostnames)
        guard outcome.status == 0 else { throw Complaint("certificates could not be made: \(outcome.errors.suffix(500))") }
    }
}

/// The files that ship beside the program: `certs/` and `policies/`.
enum SharedFiles {
    /// The path of a shipped file: below HOLDFAST_SHARE, or below a folder at or above the program's own.
    static func find(_ name: String) throws -> String {
        var candidates: [String] = []
        if let share = ProcessInfo.processInfo.environment["HOLDFAST_SHARE"] { candidates.append(share) }
        var folder = (Bundle.main.executablePath ?? CommandLine.arguments[0]) as NSString
        while folder.length > 1 {
            folder = folder.deletingLastPathComponent as NSString
            candidates.append(folder as String)
            candidates.append(folder.appendingPathComponent("share/holdfast"))
        }
        guard let found = candidates.map({ ($0 as NSString).appendingPathComponent(name) }).first(where: FileManager.default.fileExists) else {
            throw Complaint("\(name) was not found near the program; set HOLDFAST_SHARE to the folder that holds it")
        }
        return found
    }
}
