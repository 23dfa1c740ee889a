# HOST LAST: the TCP ports 1 to LAST of a machine that take a connection, for each of its addresses a line
# `ADDRESS PORT…`. What is dropped is not waited for longer than half a second, a few thousand at a time.
use strict;
use Socket qw(:all);
use POSIX qw(EINPROGRESS);
# In hundredths of a second, by what a minimal system has of perl.
sub now { (POSIX::times())[0] }
use Fcntl;
my ($host, $last) = @ARGV;
my ($error, @found) = getaddrinfo($host, '', {socktype => SOCK_STREAM});
die "$host: $error\n" if $error;
for my $info (@found) {
    my ($unknown, $address) = getnameinfo($info->{addr}, NI_NUMERICHOST, NIx_NOSERV);
    die "$host: $unknown\n" if $unknown;
    my @open;
    for (my $first = 1; $first <= $last; $first += 5000) {
        my (%socket, $wanted);
        for my $port ($first .. ($first + 4999 < $last ? $first + 4999 : $last)) {
            my $to = $info->{family} == AF_INET
                ? pack_sockaddr_in($port, (unpack_sockaddr_in($info->{addr}))[1])
                : pack_sockaddr_in6($port, (unpack_sockaddr_in6($info->{addr}))[1]);
            socket(my $socket, $info->{family}, SOCK_STREAM, 0) or die "socket: $!\n";
            fcntl($socket, F_SETFL, fcntl($socket, F_GETFL, 0) | O_NONBLOCK);
            if (connect($socket, $to)) { push @open, $port; next }
            next if $! != EINPROGRESS;
            $socket{fileno $socket} = [$socket, $port];
            vec($wanted, fileno $socket, 1) = 1;
        }
        for (my $until = now() + 50; %socket and now() < $until;) {
            select(undef, my $ready = $wanted, undef, 0.05) or next;
            for my $number (keys %socket) {
                next unless vec($ready, $number, 1);
                my ($socket, $port) = @{delete $socket{$number}};
                vec($wanted, $number, 1) = 0;
                push @open, $port if unpack('i', getsockopt($socket, SOL_SOCKET, SO_ERROR)) == 0;
            }
        }
    }
    print join(' ', $address, sort { $a <=> $b } @open), "\n";
}
