/// What differs between two texts, line by line, as `diff -u` writes it.
enum UnifiedDiff {
    /// Beyond so many lines that differ it is told as one replacement: finding the shortest way would take too long.
    private static let limit = 20_000
    private static let context = 3

    private enum Line {
        case same(Substring)
        case gone(Substring)
        case new(Substring)
    }

    /// The difference; empty if there is none.
    static func text(_ old: String, _ new: String, from: String, to: String) -> String {
        let lines = lines(old, new)
        let changes = lines.indices.filter { if case .same = lines[$0] { false } else { true } }
        guard !changes.isEmpty else { return "" }
        var output = "--- \(from)\n+++ \(to)\n"
        var rest = changes[...]
        while let first = rest.first {
            var last = first
            while let next = rest.first, next <= last + 2 * context + 1 {
                last = next
                rest.removeFirst()
            }
            output += hunk(lines, max(0, first - context)...min(lines.count - 1, last + context))
        }
        return output
    }

    private static func hunk(_ lines: [Line], _ range: ClosedRange<Int>) -> String {
        let (oldBefore, newBefore) = counts(lines[..<range.lowerBound])
        let (oldCount, newCount) = counts(lines[range])
        var output = "@@ -\(place(oldBefore, oldCount)) +\(place(newBefore, newCount)) @@\n"
        for line in lines[range] {
            switch line {
            case .same(let text): output += " \(text)\n"
            case .gone(let text): output += "-\(text)\n"
            case .new(let text): output += "+\(text)\n"
            }
        }
        return output
    }

    private static func counts(_ lines: ArraySlice<Line>) -> (old: Int, new: Int) {
        lines.reduce(into: (old: 0, new: 0)) { counts, line in
            switch line {
            case .same: counts = (counts.old + 1, counts.new + 1)
            case .gone: counts.old += 1
            case .new: counts.new += 1
            }
        }
    }

    private static func place(_ before: Int, _ count: Int) -> String { count == 0 ? "\(before),0" : count == 1 ? "\(before + 1)" : "\(before + 1),\(count)" }

    private static func lines(_ old: String, _ new: String) -> [Line] {
        let (old, new) = (split(old), split(new))
        var start = 0
        while start < min(old.count, new.count), old[start] == new[start] { start += 1 }
        var end = 0
        while end < min(old.count, new.count) - start, old[old.count - 1 - end] == new[new.count - 1 - end] { end += 1 }
        let (oldMiddle, newMiddle) = (old[start..<(old.count - end)], new[start..<(new.count - end)])
        return old[..<start].map(Line.same) + middle(Array(oldMiddle), Array(newMiddle)) + old[(old.count - end)...].map(Line.same)
    }

    private static func middle(_ old: [Substring], _ new: [Substring]) -> [Line] {
        guard old.count + new.count <= limit else { return old.map(Line.gone) + new.map(Line.new) }
        let difference = new.difference(from: old)
        let gone = Set(difference.removals.map { change in if case .remove(let offset, _, _) = change { offset } else { -1 } })
        let fresh = Set(difference.insertions.map { change in if case .insert(let offset, _, _) = change { offset } else { -1 } })
        var lines: [Line] = []
        var (i, j) = (0, 0)
        while i < old.count || j < new.count {
            if i < old.count, gone.contains(i) {
                lines.append(.gone(old[i]))
                i += 1
            } else if j < new.count, fresh.contains(j) {
                lines.append(.new(new[j]))
                j += 1
            } else {
                lines.append(.same(old[i]))
                (i, j) = (i + 1, j + 1)
            }
        }
        return lines
    }

    private static func split(_ text: String) -> [Substring] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }
}
