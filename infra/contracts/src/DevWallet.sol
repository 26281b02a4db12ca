// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title A smart wallet of one owner, for chains that hold no money.
/// @notice Its owner's signature counts by ERC-1271, over a hash bound to this wallet and this chain: what the owner
/// signs as a plain account, or for another wallet of theirs, is refused here.
contract DevWallet {
    bytes4 private constant ACCEPTED = 0x1626ba7e;
    bytes4 private constant REFUSED = 0xffffffff;
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant MESSAGE_TYPEHASH = keccak256("DevWalletMessage(bytes32 hash)");

    address public owner;

    event OwnerChanged(address indexed owner);

    error NotOwner();

    constructor(address firstOwner) {
        owner = firstOwner;
        emit OwnerChanged(firstOwner);
    }

    receive() external payable {}

    /// @notice A new owner makes every signature of the one before worthless.
    function changeOwner(address newOwner) external {
        require(msg.sender == owner, NotOwner());
        owner = newOwner;
        emit OwnerChanged(newOwner);
    }

    function execute(address to, uint256 value, bytes calldata data) external {
        require(msg.sender == owner, NotOwner());
        (bool done, bytes memory answer) = to.call{value: value}(data);
        if (done) return;
        assembly ("memory-safe") {
            revert(add(answer, 0x20), mload(answer))
        }
    }

    /// @notice What the owner has to sign for `hash` to be accepted.
    function replaySafeHash(bytes32 hash) public view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(DOMAIN_TYPEHASH, keccak256("DevWallet"), keccak256("1"), block.chainid, address(this))
        );
        return keccak256(abi.encodePacked("\x19\x01", domain, keccak256(abi.encode(MESSAGE_TYPEHASH, hash))));
    }

    /// @notice Takes 65 bytes (r, s, v), or the same wrapped as `abi.encode(uint256 ownerIndex, bytes)` with index 0.
    /// @dev Reverts where what should be wrapped is not: callers have to take that for a no.
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        bytes memory bare = signature;
        if (signature.length != 65) {
            uint256 ownerIndex;
            (ownerIndex, bare) = abi.decode(signature, (uint256, bytes));
            if (ownerIndex != 0 || bare.length != 65) return REFUSED;
        }
        bytes32 r;
        bytes32 s;
        uint8 v;
        assembly ("memory-safe") {
            r := mload(add(bare, 0x20))
            s := mload(add(bare, 0x40))
            v := byte(0, mload(add(bare, 0x60)))
        }
        if (uint256(s) > HALF_ORDER) return REFUSED;
        address signer = ecrecover(replaySafeHash(hash), v, r, s);
        return signer != address(0) && signer == owner ? ACCEPTED : REFUSED;
    }
}
