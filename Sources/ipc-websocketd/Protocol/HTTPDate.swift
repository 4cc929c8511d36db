// HTTPDate.swift - a time as HTTP writes it (RFC 9110, 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`. Without the C library, whose strftime
// follows the locale.

enum HTTPDate {
    private static let days: StaticString = "SunMonTueWedThuFriSat"
    private static let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"

    /// - Parameter seconds: since 1970, UTC; a clock that is before that, or after 9999, has the nearest time that can be said.
    static func text(_ seconds: Int64) -> [UInt8] {
        let seconds = min(max(seconds, 0), 253_402_300_799)
        let (day, second) = (seconds / 86400, seconds % 86400)
        let (year, month, dayOfMonth) = civil(day)
        var text = Array(name(days, Int((day + 4) % 7)))
        text += (", " as StaticString).bytes
        text += two(dayOfMonth)
        text.append(UInt8(ascii: " "))
        text += name(months, Int(month - 1))
        text.append(UInt8(ascii: " "))
        text += two(year / 100) + two(year % 100)
        for (mark, part) in [(UInt8(ascii: " "), second / 3600), (UInt8(ascii: ":"), second / 60 % 60), (UInt8(ascii: ":"), second % 60)] {
            text.append(mark)
            text += two(part)
        }
        return text + (" GMT" as StaticString).bytes
    }

    private static func name(_ names: StaticString, _ index: Int) -> UnsafeBufferPointer<UInt8>.SubSequence {
        names.bytes[(3 * index)..<(3 * index + 3)]
    }

    private static func two(_ number: Int64) -> [UInt8] {
        [UInt8(ascii: "0") + UInt8(number / 10), UInt8(ascii: "0") + UInt8(number % 10)]
    }

    /// Year, month and day of the Gregorian calendar. Years are counted from March, so that a leap day ends one; 400 years have
    /// 146,097 days.
    private static func civil(_ day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        // From 0000-03-01 on.
        let shifted = day + 719_468
        let (era, dayOfEra) = (shifted / 146_097, shifted % 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        // March is 0; five months in turn have 153 days.
        let month = (5 * dayOfYear + 2) / 153
        let calendarMonth = month < 10 ? month + 3 : month - 9
        return (400 * era + yearOfEra + (calendarMonth <= 2 ? 1 : 0), calendarMonth, dayOfYear - (153 * month + 2) / 5 + 1)
    }
}
