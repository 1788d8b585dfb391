import ArgumentParser
import Foundation
import KeyCore
import Management
import Primitives

extension AuditEvent {
    /// Somebody with the root key has opened an administrator's account again.
    static let administratorReset = AuditEvent("user.administrator-reset")
}

struct ResetAdminCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset-admin",
        abstract: "Open an administrator's account again when nobody can sign in any more: needs the root key.",
        discussion: """
            Works on the data folder, beside a running server too: whoever can open the sealed storage holds the root key, and could
            do everything anyway. The account is made if it is missing; it is enabled and unlocked, put into the administrators'
            groups, and loses its second factor, client certificates, sessions and API tokens. It gets a one-time password, which is
            shown once. The act is on record before the password is shown. With --reset-quorum nothing needs approval any more.

            Example: holdfast reset-admin --data /var/lib/holdfast --yes
            """)

    @OptionGroup var data: DataOption
    @OptionGroup var confirmation: YesOption
    @Option(name: .long, help: "The account.") var name = "admin"
    @Option(name: .long, help: ArgumentHelp("Write the one-time password to this file (mode 0600) instead of showing it.", valueName: "file"))
    var out: String?
    @Flag(name: .long, help: "Disable every rule of the quorum as well: when too few people are left to approve anything.") var resetQuorum = false

    func run() async throws {
        try confirmation.require("the account “\(name)” would lose its second factor, sessions and tokens, and get a one-time password")
        try await Administration.run(data) { administration in
            let installation = administration.installation
            try await administration.record(AuditEvent.administratorReset, target: "user:\(name)")
            let password = try await AccountSeeds.createFirstAdministrator(
                database: installation.database, clock: installation.clock, name: name)
            if resetQuorum {
                try await administration.record(AuditEvent.quorumChanged, target: "reset: every rule is disabled")
                let rules = try await QuorumReset.disableAll(installation.database)
                print(rules.isEmpty ? "no rule of the quorum was enabled" : "no approval is needed any more for: \(rules.joined(separator: ", "))")
            }
            guard let out else { return print("user \(name), one-time password \(password)\n  It is shown only now; change it at the first sign-in.") }
            try OutputFile.write(Array(password.utf8), to: out, what: "the one-time password of \(name)")
        }
    }
}
