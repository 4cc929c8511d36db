// C.swift - what all sources see of C: the public headers, the system's calls, and the few lines that only C can say. Swift
// programs that import LibIPC see the public headers with it.

@_exported import CLibIPC
