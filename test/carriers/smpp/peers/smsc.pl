# An SMSC on Net::SMPP (Debian: libnet-smpp-perl), a peer that shares no code
# with the engine. One process, any number of binds, ends with its stdin.
#
#   perl smsc.pl [--delay-ms 0] [--receipt-delay-ms 0] [--receipt-first] [--tlvs] [--first-id 2882400001]
#
# The password "wrong" is refused. submit_sm is answered with a HEX id, the
# receipt has the DECIMAL one in its text; with --tlvs also receipted_message_id
# (hex) and message_state. The last digit of the destination decides:
#   8  ESME_RTHROTTLED     6  ESME_RINVDSTADR     7  receipt UNDELIV     5  no receipt
# A text "MO ..." comes back as an SMS from the destination to the source; "MO2 ..."
# in two parts (UDH), the second one first.
#
# Commands, a line each on stdin: "throttle N" (so many submits get ESME_RTHROTTLED),
# "drop" (closes every connection without a word), "mo FROM TO DCS HEX".
# Events, a JSON object each on stdout: listening, bind, submit, answered
# (deliver_sm_resp), enquire_link, unbind, closed.
#
# Reading blocks: half a PDU stalls every session. So does Net::SMPP.

use strict;
use warnings;
use Getopt::Long;
use IO::Select;
use JSON::PP;
use Net::SMPP;
use POSIX qw(strftime);
use Time::HiRes qw(time);

my ($delay, $receipt_delay, $receipt_first, $tlvs, $next_id) = (0, 0, 0, 0, 2_882_400_001);
GetOptions(
    'delay-ms=i' => \$delay, 'receipt-delay-ms=i' => \$receipt_delay, 'receipt-first' => \$receipt_first,
    'tlvs' => \$tlvs, 'first-id=i' => \$next_id,
) or exit 2;

$SIG{PIPE} = 'IGNORE';
$SIG{__WARN__} = sub { };    # Net::SMPP warns at every end of a connection
$| = 1;

my $json = JSON::PP->new->canonical->latin1;
my $listener = Net::SMPP->new_listen('127.0.0.1', port => 0) or die "cannot listen: $!\n";
my $ready = IO::Select->new($listener, \*STDIN);
my %binds;    # fileno => { smpp, kind, system_id }
my @due;      # [time, what], by time
my ($throttled, $commands, $multipart) = (0, '', 0);

use constant { RTHROTTLED => 0x58, RINVDSTADR => 0x0b, RINVPASWD => 0x0e, RALYBND => 0x05, RINVBNDSTS => 0x04, RINVCMDID => 0x03 };

announce('listening', port => $listener->sockport);
while (1) {
    while (@due && $due[0][0] <= time) { (shift @due)->[1]->() }
    my $wait = @due ? $due[0][0] - time : undef;
    for my $handle ($ready->can_read(defined $wait && $wait < 0 ? 0 : $wait)) {
        if    ($handle == $listener)  { $ready->add(scalar $listener->accept) }
        elsif ($handle == \*STDIN)    { read_commands() }
        elsif (defined fileno $handle) { read_from($handle) }    # not one that was dropped just now
    }
}

sub read_from {
    my ($smpp) = @_;
    $! = 0;    # read_hard takes a stale EINTR for a new one and never ends
    my $pdu = eval { $smpp->read_pdu };
    return closed($smpp) if !defined $pdu;
    my ($cmd, $seq) = ($pdu->{cmd}, $pdu->{seq});
    my $bind = $binds{ fileno $smpp };
    if    ($cmd == 1 || $cmd == 2 || $cmd == 9) { answer_bind($smpp, $pdu) }
    elsif ($cmd == 0x15) { $smpp->enquire_link_resp(seq => $seq); announce('enquire_link') }
    elsif ($cmd == 6) { $smpp->unbind_resp(seq => $seq); announce('unbind'); closed($smpp) }
    elsif ($cmd == 4) {
        # No message_id beside an error: the body of a refusal is empty (3.4, 4.4.2).
        return $smpp->resp_backend(0x80000004, '', $smpp, seq => $seq, status => RINVBNDSTS) if !$bind || $bind->{kind} eq 'receiver';
        answer_submit($smpp, $pdu);
    }
    elsif ($cmd == 0x80000005) { announce('answered', status => $pdu->{status}, sequence => $seq) }
    elsif ($cmd < 0x80000000) { $smpp->generic_nack(seq => $seq, status => RINVCMDID) }
}

sub answer_bind {
    my ($smpp, $pdu) = @_;
    my %kind = (1 => 'receiver', 2 => 'transmitter', 9 => 'transceiver');
    my $status = $binds{ fileno $smpp } ? RALYBND : $pdu->{password} eq 'wrong' ? RINVPASWD : 0;
    my $reply = "bind_$kind{$pdu->{cmd}}_resp";
    $smpp->$reply(seq => $pdu->{seq}, status => $status, system_id => 'smsc');
    announce('bind', kind => $kind{ $pdu->{cmd} }, systemId => $pdu->{system_id}, status => $status);
    $binds{ fileno $smpp } = { smpp => $smpp, kind => $kind{ $pdu->{cmd} }, system_id => $pdu->{system_id} }
      if $status == 0;
}

sub answer_submit {
    my ($smpp, $pdu) = @_;
    my $to = $pdu->{destination_addr};
    my $status = $throttled > 0 || $to =~ /8$/ ? RTHROTTLED : $to =~ /6$/ ? RINVDSTADR : 0;
    $throttled-- if $throttled > 0;
    my $id = $next_id++;
    my $text = defined $pdu->{message_payload} ? $pdu->{message_payload} : $pdu->{short_message};
    announce('submit', id => sprintf('%x', $id), status => $status, to => $to, from => $pdu->{source_addr},
        esmClass => $pdu->{esm_class}, dataCoding => $pdu->{data_coding}, priorityFlag => $pdu->{priority_flag},
        registeredDelivery => $pdu->{registered_delivery}, validityPeriod => $pdu->{validity_period},
        text => unpack('H*', $text), tlvs => { map { $_ => unpack 'H*', $pdu->{$_} } grep { /^\d+$/ } keys %$pdu });
    my $respond = sub {
        if ($status) { $smpp->resp_backend(0x80000004, '', $smpp, seq => $pdu->{seq}, status => $status) }
        else { $smpp->submit_sm_resp(seq => $pdu->{seq}, status => 0, message_id => sprintf('%x', $id)) }
    };
    my $system_id = $binds{ fileno $smpp }{system_id};
    my $answer_at = $receipt_first ? $delay + $receipt_delay + 1 : $delay;
    after($answer_at, sub { $respond->() if $smpp->connected });
    return if $status;
    if ($text =~ /^(?:MO ([\x00-\xff]*)|MO2 ([\x00-\xff]*))$/) {
        my ($from, $back) = ($to, $pdu->{source_addr});
        my @parts = defined $1 ? ([0, $1]) : in_two_parts($2);
        after($delay, sub { deliver($system_id, $from, $back, $pdu->{data_coding}, @$_) for @parts });
    }
    return if !($pdu->{registered_delivery} & 3) || $to =~ /5$/;
    my $receipt_at = $receipt_first ? $delay : $delay + $receipt_delay;
    after($receipt_at, sub { send_receipt($system_id, $id, $pdu) });
}

sub send_receipt {
    my ($system_id, $id, $pdu) = @_;
    my $undeliv = $pdu->{destination_addr} =~ /7$/;
    my $now = strftime('%y%m%d%H%M', gmtime);
    my $text = sprintf 'id:%010d sub:001 dlvrd:%03d submit date:%s done date:%s stat:%s err:%s text:',
      $id, $undeliv ? 0 : 1, $now, $now, $undeliv ? ('UNDELIV', '027') : ('DELIVRD', '000');
    my @tlvs = $tlvs ? (receipted_message_id => sprintf("%x\0", $id), message_state => pack('C', $undeliv ? 5 : 2)) : ();
    deliver($system_id, $pdu->{destination_addr}, $pdu->{source_addr}, 0, 0x04, $text, @tlvs);
}

# To a session of the same ESME that receives; lost when there is none, as with many a real SMSC.
sub deliver {
    my ($system_id, $from, $to, $data_coding, $esm_class, $text, @tlvs) = @_;
    my ($bind) = grep { $_->{kind} ne 'transmitter' && $_->{system_id} eq $system_id } values %binds;
    return if !$bind;
    $bind->{smpp}->deliver_sm(
        async => 1, source_addr_ton => 1, source_addr_npi => 1, source_addr => $from,
        dest_addr_ton => 1, dest_addr_npi => 1, destination_addr => $to,
        esm_class => $esm_class, data_coding => $data_coding, short_message => $text, @tlvs);
}

sub in_two_parts {
    my ($text) = @_;
    my $half = int(length($text) / 2);
    my $reference = ++$multipart & 0xff;
    my ($first, $second) = (substr($text, 0, $half), substr($text, $half));
    return map { [0x40, pack('C6', 5, 0, 3, $reference, 2, $_->[0]) . $_->[1]] } [2, $second], [1, $first];
}

sub closed {
    my ($smpp) = @_;
    delete $binds{ fileno $smpp };
    $ready->remove($smpp);
    close $smpp;
    announce('closed');
}

sub read_commands {
    sysread(STDIN, $commands, 65_536, length $commands) or exit 0;
    while ($commands =~ s/^(.*)\n//) {
        my ($what, @values) = split ' ', $1;
        if    ($what eq 'throttle') { $throttled = $values[0] }
        elsif ($what eq 'drop')     { closed($_) for grep { $_ != $listener && $_ != \*STDIN } $ready->handles }
        elsif ($what eq 'mo') {
            my ($from, $to, $data_coding, $hex) = @values;
            deliver($_, $from, $to, $data_coding, 0, pack 'H*', $hex) for (map { $_->{system_id} } values %binds)[0] // ();
        }
    }
}

sub after {
    my ($ms, $what) = @_;
    my $at = time + $ms / 1_000;
    my $place = @due;
    $place-- while $place > 0 && $due[$place - 1][0] > $at;
    splice @due, $place, 0, [$at, $what];
}

sub announce {
    my ($event, %fields) = @_;
    print $json->encode({ event => $event, %fields }), "\n";
}
