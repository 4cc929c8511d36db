// Pings.swift - whether a client is there is asked again and again (RFC 6455, 5.5.2): proxies end a connection on which nothing comes,
// and a client that has vanished says nothing.
//
// A client is only blamed for a pong that it could have sent: not while it is kept from reading or not read itself.

import CDaemon

extension Gateway {
    /// It is open, and was sent the last ping `--ping` ago.
    func ping(_ talk: Talk, _ loop: Loop<Gateway>) {
        let client = talk.state
        loop.start(.ping, talk)
        // Behind a message that is cut a ping would come late, and it is not the only thing on the way.
        guard !client.owesPong, !client.hasSaidClose, !client.isBroken, client.outflow.isEmpty else { return }
        client.send(FrameEncoder.control(.ping, []))
        if client.isBroken { return loop.drop(talk, "\(client.reason)") }
        client.owesPong = true
        loop.start(.pong, talk)
        if !client.outflow.isEmpty { Parking.park(client) }
    }

    /// The time for an answer is over.
    func missPong(_ talk: Talk, _ loop: Loop<Gateway>) {
        let client = talk.state
        guard client.owesPong, !client.hasSaidClose, !client.isBroken else { return }
        // What has come is not read while the service, or the client itself, takes nothing: the pong may be behind it.
        if client.isParked || !client.held.isEmpty || receive(1, from: client.socket, peeking: true)?.isEmpty == false {
            return loop.start(.pong, talk)
        }
        client.sayClose(.internalError, "no pong came in time")
        loop.drop(talk, "no pong came in time")
    }
}
