import ArgumentParser
import Foundation
import KeyCore
import Management
import Primitives

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Mint tokens of a development issuer.", subcommands: [Mint.self])

    struct Mint: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "mint",
            abstract: "Print one compact JWT of a development issuer, as a Cloud KMS service agent would carry.",
            discussion: """
                Only an issuer marked as a development issuer can be used: of any other we don't hold the private key.

                Example: TOKEN=$(holdfast token mint --data ./data)
                """)

        @OptionGroup var data: DataOption
        @Option(name: .long, help: "The development issuer.") var issuer = DemoInstallation.issuerName
        @Option(name: .long, help: "aud; by default the demo endpoint's audience.") var audience: String?
        @Option(name: .long, help: "email; by default the demo's service agent.") var email = DemoInstallation.callerEmail
        @Option(name: .long, help: ArgumentHelp("Seconds until it expires, 1 to 86400.", valueName: "seconds")) var lifetime = 3600

        func validate() throws {
            guard (1...86400).contains(lifetime) else { throw ValidationError("--lifetime: expected 1 to 86400 seconds, found \(lifetime)") }
        }

        func run() async throws {
            try await Administration.run(data) { administration in
                let installation = administration.installation
                let issuer = try await installation.issuers.find(issuer)
                let demo = FileManager.default.contents(atPath: installation.folder.demoPath).flatMap { Demo(parsing: Array($0)) }
                guard let audience = audience ?? demo?.audience else {
                    throw Complaint("expected --audience https://HOST: there is no demo in this data folder to take it from")
                }
                let claims = DevelopmentIssuer.ekmClaims(
                    audience: audience, email: email, lifetime: .seconds(lifetime), now: installation.clock.now)
                let token = try DevelopmentIssuer.mint(issuer, claims: claims, installation)
                try await administration.record(AuditEvent.tokenMinted, target: issuer.name) { $0.principal = email }
                print(token)
            }
        }
    }
}
