package model

import "time"

// SYNs is after how long the packet is sent again that opens a TCP connection, each time that
// nobody answers. It is Linux 6.5 or later, with its own net.ipv4.tcp_syn_retries of 6 and
// tcp_syn_linear_timeouts of 4: it waits 1 s five times, then ever twice as long, and after the
// last 64 s more (Documentation/networking/ip-sysctl.rst; commit ccce324dabfe "tcp: make the
// first N SYN RTO backoffs linear"). Earlier ones wait 1 s once: 1, 3, 7, 15, 31, 63 s.
var SYNs = [...]time.Duration{
	time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second, 5 * time.Second,
	7 * time.Second, 11 * time.Second, 19 * time.Second, 35 * time.Second, 67 * time.Second,
}
