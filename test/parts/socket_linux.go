package parts

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// Socket is what the kernel says of a UDP socket.
type Socket struct {
	Queued  int // octets that are to be read
	Dropped int // packets for which there was no room to be read
}

// Sockets adds up the UDP sockets at a local address of 127.0.0.1. It fails
// where there is none.
func Sockets(address net.Addr) (Socket, error) {
	var all Socket
	file, err := os.Open("/proc/net/udp")
	if err != nil {
		return all, err
	}
	defer file.Close()
	found, local := false, fmt.Sprintf("0100007F:%04X", address.(*net.UDPAddr).Port)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		columns := strings.Fields(lines.Text())
		if columns[1] != local {
			continue
		}
		found = true
		_, queue, _ := strings.Cut(columns[4], ":")
		queued, err := strconv.ParseInt(queue, 16, 64)
		if err != nil {
			return all, err
		}
		dropped, err := strconv.Atoi(columns[len(columns)-1])
		if err != nil {
			return all, err
		}
		all.Queued += int(queued)
		all.Dropped += dropped
	}
	if !found {
		return all, fmt.Errorf("there is no UDP socket at %v", address)
	}
	return all, nil
}
