import Glibc

/// Sees that what root makes or replaces in somebody else's folder belongs to them afterwards: a server that runs as its own user could not open
/// its files again.
///
/// For anybody but root, and in root's own folders, there is nothing to do.
package struct FolderOwners {
    private struct Owner: Hashable { let user: uid_t, group: gid_t }

    private let path: String
    private let folder: Owner?
    private var owners: [String: Owner] = [:]

    /// Notes whose the files of a folder are, before any is made or replaced.
    package init(of path: String) {
        self.path = path
        var status = stat()
        guard geteuid() == 0, stat(path, &status) == 0, status.st_uid != 0 else {
            folder = nil
            return
        }
        folder = Owner(user: status.st_uid, group: status.st_gid)
        var owners: [String: Owner] = [:]
        FolderOwners.visit(path) { name, status in owners[name] = Owner(user: status.st_uid, group: status.st_gid) }
        self.owners = owners
    }

    /// Gives what belongs to root now to whom the file of that name belonged, or, if there was none, to the folder's owner.
    package func restore() {
        guard let folder else { return }
        FolderOwners.visit(path) { name, status in
            guard status.st_uid == 0, case let owner = owners[name] ?? folder, owner.user != 0 else { return }
            lchown(name, owner.user, owner.group)
        }
    }

    /// Calls `body` for everything below a folder, never through a link.
    private static func visit(_ path: String, _ body: (String, stat) -> Void) {
        for name in (try? Directory.names(in: path)) ?? [] {
            let entry = "\(path)/\(name)"
            var status = stat()
            guard lstat(entry, &status) == 0 else { continue }
            body(entry, status)
            if status.st_mode & S_IFMT == S_IFDIR { visit(entry, body) }
        }
    }
}
