// C.swift - the C that all sources see: the public headers, the system's calls, and code that Swift cannot express (macros, variadic
// functions, errno). A Swift program that imports LibIPC sees the public headers too.
//
// Folder: Base. Uses: nothing.

@_exported import CLibIPC
